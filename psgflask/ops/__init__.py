"""Running an installation: serving, worker, doctor, backup and restore, install and upgrade."""
