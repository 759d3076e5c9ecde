"""Other people's programs, one file and one extra each; nothing of them is imported before it is used."""
