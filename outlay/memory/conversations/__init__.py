"""What was said, kept and found again by its meaning."""

from outlay.memory.conversations.memory import Memory, MemoryStats
from outlay.memory.conversations.packing import chunked
from outlay.memory.conversations.records import Chunk, Document, History, Utterance

__all__ = ["Chunk", "Document", "History", "Memory", "MemoryStats", "Utterance", "chunked"]
