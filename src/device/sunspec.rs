//! SunSpec: finding a model by walking the list that begins at `SunS`.
