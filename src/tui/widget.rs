//! Widgets that ratatui lacks.
