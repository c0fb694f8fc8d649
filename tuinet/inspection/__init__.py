"""What is inside a model: its layers, and every value for chosen inputs. Values only: nothing is drawn here."""
