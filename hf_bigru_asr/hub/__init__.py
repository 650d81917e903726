"""What is pushed to the Hub: the release, and the card that describes it."""
