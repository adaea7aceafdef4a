"""Where LangChain's interfaces are met: the only importer of langchain_core."""

from outlay.langchain.chat import OutlayChatModel, WhenExhausted, chat_model
from outlay.langchain.node import runnable

__all__ = ["OutlayChatModel", "WhenExhausted", "chat_model", "runnable"]
