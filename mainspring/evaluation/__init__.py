"""What a version can do, measured; a challenger beside its champion; and what the gate says of the two."""
