"""What the system tests are made of; see README.md."""
