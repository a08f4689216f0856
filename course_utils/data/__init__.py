"""Tables that the package carries: licenses and GPUs, each row with its evidence."""
