"""What several tests share: comparisons, courses, browsers, servers, the search for leaks."""
