"""What a style is: references and blends, the library, saved styles, and the regions where each applies."""
