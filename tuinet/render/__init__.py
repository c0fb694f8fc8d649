"""Values → terminal text: tables, bars, charts. No Textual, no model, no printing."""
