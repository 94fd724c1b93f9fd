"""Whether two states of the code show readers the same, byte for byte: a hash of all they see."""
