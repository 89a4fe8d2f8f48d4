"""The API process: routes of `serving`, lists on demand of `stream`."""
