"""Fine-tuning: what is learned from, and how."""
