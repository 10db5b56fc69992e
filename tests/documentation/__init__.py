"""What the pages of docs/ are made of and checked with: their examples, their tables, their pictures."""
