"""What lands in the user's repository, and the templates it is made from."""
