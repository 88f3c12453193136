"""Better weights, and how good anything is: the offline room."""
