"""AdaIN-lite: any style in one fast pass, through a network conditioned on a style code."""
