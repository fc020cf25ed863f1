"""What a dataset holds, column by column, and what that means for its records: nothing is written or sent."""
