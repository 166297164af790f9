"""Matching measured on leads with known answers: a generator, ours and peers beside each other, the page's section."""
