// asyncio's registry of all tasks, made cheap.
//
// Until Python 3.13 every Task adds itself to a weakref.WeakSet: two Python functions (one when the
// task is made, one when it goes) that cost about as much as all the rest of a short task. The set
// keeps its data and its readers (asyncio.all_tasks); its add() is replaced by one in C++ that does
// the same. From 3.14 on tasks are in a linked list.
#pragma once

namespace tricorn {

// Once, after asyncio was imported. Leaves a registry alone that is not built as we know it. False
// with an error set.
bool speed_up_task_registry();

}  // namespace tricorn
