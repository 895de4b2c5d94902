"""Instructions of two commits side by side: what a busy machine cannot blur."""
