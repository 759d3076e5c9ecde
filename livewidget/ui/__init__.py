"""What a page shows and asks for, whoever carries the messages. Knows no Jupyter."""
