"""The main job on real input: films, their ratings, and people who write what they like."""
