"""Error rates of a recogniser on a data set, and the pictures of them."""
