"""Many pictures: listed, painted by an engine, and recorded in a manifest, each exactly once."""
