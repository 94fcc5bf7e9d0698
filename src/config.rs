//! The site file: found, read, checked whole, and resolved into a [`Site`](crate::domain::site::Site).
