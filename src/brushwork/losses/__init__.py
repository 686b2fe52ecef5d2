"""Loss terms: tensors in, a number out. They know no network and no file."""
