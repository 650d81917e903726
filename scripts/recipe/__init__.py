"""Steps of the shipped model's recipe alone: synthetic and recombined speech, a teacher, a character n-gram."""
