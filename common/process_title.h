// The process's title, as ps and top show it. One thread; Linux.
#pragma once

#include <string_view>

namespace tricorn {

// Makes room for long titles by moving the environment out of the memory behind the arguments. For
// a program's own main() only, before anybody keeps pointers from getenv().
void reserve_process_title();

// Shows `title` in place of the command line, cut to the memory that the arguments took (plus what
// was reserved), and its start as the short name. Does nothing where the kernel does not tell where
// the arguments are.
void set_process_title(std::string_view title);

}  // namespace tricorn
