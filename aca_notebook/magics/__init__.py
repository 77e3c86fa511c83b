"""`%aca` and `%%aca`: a line is parsed, the library is called, a value is returned."""
