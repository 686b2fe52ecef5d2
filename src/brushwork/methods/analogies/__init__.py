"""Image analogies, Hertzmann et al. 2001: A is to A' as B is to B'."""
