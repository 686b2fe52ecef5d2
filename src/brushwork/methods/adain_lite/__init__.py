"""AdaIN-lite: any style in one quick pass, through a network shaped by the style's code."""
