"""Bytes to frames and back: WebSocket connections and the HTTP of the hot path.

Knows nothing of contracts, ledgers or Locust. A connection calls `on_message` for every text frame.
"""
