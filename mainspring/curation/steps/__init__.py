"""What is done to rows on the way, a step a file: each takes a row and gives it back, changed or not, or says why not."""
