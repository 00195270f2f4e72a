"""Learning platforms: whose a hand-in is and when it came, as they say it, and the way back of grades and pages."""
