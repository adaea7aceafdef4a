"""Where LangChain's interfaces are met: the only importer of langchain_core."""

from outlay.langchain.chat import OutlayChatModel, WhenExhausted, chat_model
from outlay.langchain.node import runnable
from outlay.langchain.vector_store import OutlayEmbeddings

__all__ = ["OutlayChatModel", "OutlayEmbeddings", "WhenExhausted", "chat_model", "runnable"]
