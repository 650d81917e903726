"""What only made the shipped model: synthetic and recombined speech, a teacher, a character n-gram."""
