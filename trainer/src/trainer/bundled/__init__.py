"""Images that come with the trainer, their licence, and the script that made them."""
