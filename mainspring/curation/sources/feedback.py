"""What people said of answers: the right answer, which of two was better, what the label is."""
