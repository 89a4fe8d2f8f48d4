"""What an install brings along: licences, a bill of materials, known holes."""
