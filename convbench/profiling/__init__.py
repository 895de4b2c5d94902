"""One cell opened up: where its time goes, phase by phase, and its memory."""
