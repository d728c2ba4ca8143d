//! Stage 3: from an upgraded socket that proved nothing to an admitted session.
