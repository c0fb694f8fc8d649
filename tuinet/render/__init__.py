"""Values → lines of coloured cells, or a picture: maps, bars, charts, tables. No Textual, no model, no printing."""
