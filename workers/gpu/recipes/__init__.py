"""How a version is made, one file a recipe; mainspring.training.recipes says what each takes."""
