"""The members' pages: joining and applications."""
