"""waypost for LangChain: a chat model and embeddings that route, fail over and explain.

Install with ``pip install 'waypost[langchain]'``. Any application that takes a LangChain chat model takes this one::

    from waypost import Router
    from waypost.langchain import ChatWaypost

    llm = ChatWaypost(router=Router(["openai/gpt-5-mini", "anthropic/claude-haiku-4-5"]))
    reply = llm.invoke("Why is the sky blue?", config={"tags": ["support"], "metadata": {"team": "web"}})
    reply.response_metadata["model_name"]       # the model that served
    reply.response_metadata["waypost"]          # deployment, cost, attempts, and why

The tags and the metadata of the run are the ``tags`` and ``metadata`` that rules read. ``route=``, ``session=`` and
``max_cost=`` of a call say the rest: ``llm.invoke(..., route="smart")``, ``llm.bind(session="s-1")``.

Agents take the model as it is: ``create_agent(llm, tools=[…])``. `init_chat_model` knows LangChain's own table of
providers only; after ``enable_init_chat_model()`` it knows ``"waypost:auto"`` too.

Errors are waypost's own and, from langchain-core 1.7 on, LangChain's ``ModelError`` classes too.

Tested with langchain-core 1.8.3 and, as the oldest, 1.0.0 (``make suites``).
"""

from __future__ import annotations

try:
    import langchain_core as _core
except ImportError as error:
    _message = "waypost.langchain needs langchain-core: pip install 'waypost[langchain]'"
    raise ImportError(_message) from error

from .chat import ChatWaypost
from .embeddings import WaypostEmbeddings
from .init import enable_init_chat_model

__all__ = ["ChatWaypost", "WaypostEmbeddings", "enable_init_chat_model"]

del _core
