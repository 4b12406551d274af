"""Getting better: learners, hold-out, gate and the training thread."""
