"""The two paths side by side: `python -m fastnet compare`."""
