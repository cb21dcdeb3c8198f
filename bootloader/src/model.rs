//! Flash model.
