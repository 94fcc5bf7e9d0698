//! The JSON schema of the site file, for editors.
