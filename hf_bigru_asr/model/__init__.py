"""The network with everything that is pushed to the Hub with it: exactly this folder, without this file."""
